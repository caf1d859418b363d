"""What others promise about their interfaces, as they published it, and the checks of requests and answers against it."""
