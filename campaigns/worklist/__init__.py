"""What is to be done next: one live item per debtor and campaign.

state    what an item may become         fill      items from assignments
claim    taking, giving back, sweeping   withdraw  taking back what must not happen any more
"""
