"""Reports as files: exactly the rows that are shown."""
