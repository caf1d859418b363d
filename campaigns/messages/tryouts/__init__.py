"""Test messages to one's own phone: the number is verified by a code first, and no test is ever counted as a contact.

models  a person's own number      service  asking for a code, verifying it, sending a test
"""
