import type { HostSpec } from './spec.ts';

/** An nginx site with a certificate and key of the host's own. */
export function tlsSite(name: string): Pick<HostSpec, 'files' | 'setup'> {
  return {
    files: {
      '/etc/nginx/sites-enabled/default': `server {
    listen 443 ssl;
    server_name ${name};
    ssl_certificate /etc/nginx/tls/${name}.crt;
    ssl_certificate_key /etc/nginx/tls/${name}.key;
    root /var/www/html;
}
server {
    listen 80;
    server_name ${name};
    return 301 https://$host$request_uri;
}
`,
    },
    setup: `mkdir -p /etc/nginx/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \\
  -subj /CN=${name} -addext subjectAltName=DNS:${name} \\
  -keyout /etc/nginx/tls/${name}.key -out /etc/nginx/tls/${name}.crt 2>/dev/null
chmod 600 /etc/nginx/tls/${name}.key`,
  };
}
