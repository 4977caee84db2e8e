# The application goes away.
kill "$PID_SHOP"
