"""The floor (`core`, `auth`) and the roof (`api`, `web`, entry points) of the call center; rooms between them stand beside it."""
