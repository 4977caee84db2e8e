# nginx, a balancer, the application today and tomorrow, and a hosts file that only this stand sees.
for address in 10.20.0.10 10.20.0.20 10.20.0.21 10.20.0.22; do
    ip address add "$address/32" dev lo
done
printf '%s\n' '127.0.0.1 localhost' '10.20.0.21 app.internal.test' >"$DIR/hosts"
mount --bind "$DIR/hosts" /etc/hosts
