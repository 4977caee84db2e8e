# The application moves.
kill "$PID_TODAY"
printf '%s\n' '127.0.0.1 localhost' '10.20.0.22 app.internal.test' >"$DIR/hosts"
