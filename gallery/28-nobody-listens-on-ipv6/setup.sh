# Nothing but a network of its own, for port 80.
:
