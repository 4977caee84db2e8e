rm -f /etc/nginx/conf.d/tuning.conf /etc/nginx/conf.d/*.dpkg-* /tmp/shop-proxy_2.0_all.deb
rm -rf /tmp/shop-proxy
if [ -e /run/nginx.pid ] && [ -d "/proc/$(cat /run/nginx.pid)" ]; then
    nginx -s reload
    echo "nginx reloaded"
else
    nginx
    echo "nginx started"
fi
