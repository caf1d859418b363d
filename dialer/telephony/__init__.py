"""Carriers behind one small port.

port        the Protocol every carrier fulfils          events     what carriers tell, in our words
conversation  what is recorded, and what supervisors do
errors      what can go wrong while handing over         asterisk/  AMI through `asterisk-ami`, hardened
twilio/     Twilio's official client and webhooks        simulator/ a town that answers as published rates say
"""
