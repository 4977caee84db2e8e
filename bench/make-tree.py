#!/usr/bin/env python3
"""make-tree.py N DIR [tls]: writes a synthetic but realistic nginx tree of N server blocks, one file per site. Seeded.

Everything that nginx writes lies in DIR too, so that `nginx -t -c DIR/nginx.conf` also works for an ordinary user."""
import os,random,sys,shutil
N=int(sys.argv[1]); root=os.path.abspath(sys.argv[2]); tls=len(sys.argv)>3
random.seed(7)
if os.path.isdir(root) and os.listdir(root): sys.exit(f'{root} is not empty')
for d in('sites-enabled','snippets','conf.d'): os.makedirs(f'{root}/{d}')
open(f'{root}/mime.types','w').write('types {\n    text/html html htm;\n    text/css css;\n    application/javascript js;\n    image/png png;\n    image/jpeg jpg jpeg;\n    image/svg+xml svg;\n    font/woff2 woff2;\n}\n')
open(f'{root}/fastcgi_params','w').write('fastcgi_param QUERY_STRING $query_string;\nfastcgi_param REQUEST_METHOD $request_method;\nfastcgi_param CONTENT_TYPE $content_type;\nfastcgi_param CONTENT_LENGTH $content_length;\nfastcgi_param REQUEST_URI $request_uri;\nfastcgi_param DOCUMENT_ROOT $document_root;\nfastcgi_param SERVER_NAME $server_name;\n')
open(f'{root}/snippets/proxy.conf','w').write('''proxy_http_version 1.1;
proxy_set_header Host $host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header Connection "";
proxy_connect_timeout 5s;
proxy_read_timeout 60s;
''')
open(f'{root}/snippets/security.conf','w').write('''add_header X-Frame-Options SAMEORIGIN;
add_header X-Content-Type-Options nosniff;
add_header Referrer-Policy strict-origin-when-cross-origin;
''')
open(f'{root}/conf.d/maps.conf','w').write('map $http_user_agent $bot {\n    default 0;\n    "~*(curl|wget)" 1;\n    "~*bot" 1;\n}\n')
open(f'{root}/nginx.conf','w').write(f'''worker_processes 2;
pid {root}/nginx.pid;
error_log {root}/error.log warn;
events {{
    worker_connections 1024;
}}
http {{
    include mime.types;
    default_type application/octet-stream;
    sendfile on;
    server_tokens off;
    server_names_hash_max_size 131072;
    server_names_hash_bucket_size 128;
    variables_hash_max_size 2048;
    client_max_body_size 16m;
    gzip on;
    log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';
    access_log {root}/access.log main;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    include conf.d/*.conf;
    include sites-enabled/*.conf;
}}
''')
for i in range(N):
    n=f'site{i:05d}'
    L=[]
    w=L.append
    w(f'# managed by config-mgmt: {n}')
    w(f'upstream {n}_backend {{')
    w('    least_conn;')
    for j in range(random.randint(2,4)): w(f'    server 10.{i//250%250}.{i%250}.{j+10}:8080 max_fails=3 fail_timeout=30s;')
    w('    keepalive 16;'); w('}'); w('')
    w('server {')
    w('    listen 127.0.0.1:18080;')
    if tls:
        w('    listen 127.0.0.1:18443 ssl;'); w(f'    ssl_certificate {root}/c.pem;'); w(f'    ssl_certificate_key {root}/k.pem;')
    w(f'    server_name {n}.example.com www.{n}.example.com;')
    w(f'    root /srv/www/{n};')
    w('    index index.html;')
    w('    include snippets/security.conf;'); w('')
    w('    location / {'); w('        try_files $uri $uri/ @app;'); w('    }')
    w('    location @app {'); w(f'        proxy_pass http://{n}_backend;'); w('        include snippets/proxy.conf;'); w('    }')
    w('    location = /healthz {'); w('        access_log off;'); w("        return 200 'ok';"); w('    }')
    w('    location ^~ /static/ {'); w(f'        alias /srv/static/{n}/;'); w('        expires 7d;'); w('    }')
    w('    location /api/ {'); w(f'        proxy_pass http://{n}_backend/v{random.randint(1,3)}/;'); w('        include snippets/proxy.conf;'); w('    }')
    w(r'    location ~* \.(?:css|js|png|jpe?g|gif|svg|woff2?)$ {'); w('        expires 30d;'); w('        access_log off;'); w('    }')
    if i%3==0:
        w(r'    location ~ \.php$ {'); w('        include fastcgi_params;'); w('        fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;'); w(f'        fastcgi_pass unix:/run/php/{n}.sock;'); w('    }')
    if i%4==0:
        w('    location /admin/ {'); w('        allow 10.0.0.0/8;'); w('        deny all;'); w(f'        proxy_pass http://{n}_backend;'); w('        include snippets/proxy.conf;'); w('    }')
    if i%5==0:
        w('    location /ws/ {'); w(f'        proxy_pass http://{n}_backend;'); w('        proxy_http_version 1.1;'); w('        proxy_set_header Upgrade $http_upgrade;'); w('        proxy_set_header Connection "upgrade";'); w('        proxy_read_timeout 3600s;'); w('    }')
    if i%7==0:
        w('    if ($bot) {'); w('        return 403;'); w('    }'); w(f'    rewrite ^/old/(.*)$ /new/$1 permanent;')
    w('}')
    open(f'{root}/sites-enabled/{n}.conf','w').write('\n'.join(L)+'\n')
