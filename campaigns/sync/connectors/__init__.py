"""Ways to pass facts on to an office's core systems; each is one module with `deliver(session, …)`."""
