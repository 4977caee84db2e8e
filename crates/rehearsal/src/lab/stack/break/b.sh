# A directive was edited, and names the wrong upstream.
sed -i 's#http://shop/v1/#http://reports/v1/#' /etc/nginx/sites-available/default
nginx -s reload
