"""Recorded conversations: taken out of the carrier's spool, sealed, kept as long as the rules say, heard only with a reason on record.

models     tables                          terms      what a campaign and an office decide
sound      two directions -> one sound     sealing    chunks under AES-256-GCM, pure
keys       the office's keys, in files     vault      sealed files in the data folder
keeping    spool -> vault, what is missing service    opening, deleting, reviewing
beginning  planned, begun
fetching   what the carrier holds -> spool  problems   what can be wrong with one
spool      where plain sound may lie, in memory
queries    lists                           retention  what has to go, and its preview
criteria   score cards as data
"""
