# Somebody tried something on the web servers and forgot to take the mark away.
sed -i 's/^    listen 80 default_server;/    # listen 80 default_server;/' /etc/nginx/sites-available/default
nginx -s reload
