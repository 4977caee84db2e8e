# The first web server goes down.
kill "$PID_FIRST"
