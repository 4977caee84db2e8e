# Pushed straight to production: nobody ran nginx -t, and the script restarts.
cat >/etc/nginx/conf.d/tuning.conf <<'CONF'
proxy_buffering_size 8k;
CONF
kill "$(cat /run/nginx.pid)"
while [ -e /run/nginx.pid ]; do sleep 0.02; done
nginx || true
