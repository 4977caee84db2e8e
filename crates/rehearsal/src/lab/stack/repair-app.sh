pid=$(cat /run/shop.pid)
if ! tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q ' 1\.0 '; then
    if [ -d "/proc/$pid" ]; then
        kill "$pid"
        while [ -d "/proc/$pid" ]; do sleep 0.02; done
    fi
    evenkeel __shop "$(hostname)" 1.0 '[::]:@PORT@'
    echo "shop 1.0 started"
fi
