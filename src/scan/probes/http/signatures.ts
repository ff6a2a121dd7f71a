/**
 * Products by what their pages and headers say. The first that fits counts. `header`: a pattern for the value of that
 * header; `body`: for the start of the page; `title`: for its title; what the first group of any of them holds is the
 * version. Pages are hostile: no pattern may begin anew at each place and then run on without a bound.
 */
export interface HttpSignature {
  product: string;
  header?: readonly [name: string, pattern: RegExp];
  title?: RegExp;
  body?: RegExp;
}

export const HTTP_SIGNATURES: readonly HttpSignature[] = [
  { product: 'Jenkins', header: ['x-jenkins', /^([\d.]+)/] },
  { product: 'GitLab', header: ['x-gitlab-meta', /./] },
  { product: 'Grafana', title: /^Grafana$/, body: /"version":"(\d+\.\d+\.\d+)/ },
  { product: 'Grafana', title: /^Grafana$/ },
  { product: 'Kibana', header: ['kbn-name', /./] },
  { product: 'Prometheus', title: /^Prometheus/ },
  { product: 'Nextcloud', body: /^(?=[\s\S]*data-requesttoken)[\s\S]*Nextcloud/ },
  { product: 'WordPress', body: /<meta name="generator" content="WordPress ([\d.]+)"/i },
  { product: 'WordPress', body: /\/wp-content\// },
  { product: 'Drupal', header: ['x-generator', /^Drupal (\d+)/] },
  { product: 'Joomla', body: /<meta name="generator" content="Joomla!/i },
  { product: 'Confluence', header: ['x-confluence-request-time', /./] },
  { product: 'Keycloak', title: /Keycloak/ },
  { product: 'phpMyAdmin', title: /^phpMyAdmin/ },
  { product: 'Zabbix', body: /\shref="https:\/\/www\.zabbix\.com/i },
  { product: 'Proxmox VE', title: /Proxmox Virtual Environment$/ },
  { product: 'Cockpit', header: ['set-cookie', /^cockpit=/] },
  { product: 'MinIO', header: ['server', /^MinIO/] },
  { product: 'Consul', header: ['x-consul-default-acl-policy', /./] },
  { product: 'Tomcat', body: /<h3>Apache Tomcat\/([\d.]+)<\/h3>/ },
  { product: 'Tomcat', title: /^Apache Tomcat\/([\d.]+)/ },
  { product: 'nginx', header: ['server', /^nginx(?:\/([\d.]+))?/] },
  { product: 'Apache httpd', header: ['server', /^Apache(?:\/([\d.]+))?/] },
  { product: 'lighttpd', header: ['server', /^lighttpd(?:\/([\d.]+))?/] },
  { product: 'Caddy', header: ['server', /^Caddy/] },
  { product: 'Microsoft IIS', header: ['server', /^Microsoft-IIS\/([\d.]+)/] },
  { product: 'Jetty', header: ['server', /^Jetty\(([\d.]+)/] },
  { product: 'Envoy', header: ['server', /^envoy/] },
  { product: 'HAProxy', header: ['server', /^HAProxy/i] },
  { product: 'gunicorn', header: ['server', /^gunicorn(?:\/([\d.]+))?/] },
  { product: 'uvicorn', header: ['server', /^uvicorn/] },
  { product: 'Werkzeug', header: ['server', /^Werkzeug\/([\d.]+)/] },
  { product: 'Python http.server', header: ['server', /^SimpleHTTP\/([\d.]+)/] },
  { product: 'Icecast', header: ['server', /^Icecast(?: ([\d.]+))?/] },
  { product: 'Squid', header: ['server', /^squid(?:\/([\d.]+))?/i] },
  { product: 'Tinyproxy', header: ['server', /^tinyproxy(?:\/([\d.]+))?/i] },
  { product: 'CUPS', header: ['server', /^CUPS\/([\d.]+)/] },
  { product: 'Express', header: ['x-powered-by', /^Express/] },
  { product: 'PHP', header: ['x-powered-by', /^PHP\/([\d.]+)/] },
];
