"""Visits at the door (臨戸): rounds by district, in the order of a route, reported from a telephone that may have been without a network.

models  rounds, stops, reports        rules    results at the door, and what may stand against one (pure)
places  coordinates of addresses      route    nearest neighbour and 2-opt, or the order of addresses (pure)
service rounds planned and set out    reports  what comes back, and its conflicts       pack  what a telephone is given
"""
