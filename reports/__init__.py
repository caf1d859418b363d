"""Reads everything, writes only its own facts."""
