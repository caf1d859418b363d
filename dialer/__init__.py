"""Turns work items into calls and reports their outcomes to `campaigns`."""
