"""The doors for programs: JSON with the console's own session, and the carriers' webhooks."""
