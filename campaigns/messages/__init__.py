"""Text messages: prepared at night, released inside the contact window, each handed over at most once.

templates  wording: rendered, checked, counted in segments (pure)     state    what messages and batches may become
candidates who may be in a batch
batches    preparing a night's work, pausing, cancelling              release  claim, gate, commit, send, record
settling   asking the provider what became of the unknown             senders/ ways to send, behind one port
inbox/   what providers tell and citizens write                       trials/  test messages to one's own phone
"""
