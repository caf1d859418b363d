"""Text messages: prepared at night, released inside the contact window, each handed over at most once.

templates  wording: rendered, checked, counted (pure)      terms      how an office releases its batches
texts      a batch's wordings, finished or personal        spread     where in a window something is sent (pure)
candidates who may be in a batch, set apart                preparing  the gate's answers, rows and places, in sets
batches    a batch's states: release, pause, edit, end     state      what messages and batches may become
handover   claim, gate, attempt, turns: one transaction    sending    one message at its turn, begun just before
release    the loop: claim, send, record
rate       a sender number's rate, shared by processes     events     what becomes of a message, fenced
settling   asking the provider about the unknown           accounting everybody one by one; words for reasons
reactions  what a batch brought about                      senders/   ways to send, behind one port
wording    all that is to be said about a template         wordings   templates in versions
inbox/     what providers tell and citizens write          tryouts/   test messages to one's own phone
"""
