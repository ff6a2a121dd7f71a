import type { Probe } from './contract.ts';
import { amqpProbe } from './amqp.ts';
import { dnsProbe } from './dns.ts';
import { dockerProbe } from './docker.ts';
import { elasticsearchProbe } from './elasticsearch.ts';
import { etcdProbe } from './etcd.ts';
import { ftpProbe } from './ftp.ts';
import { httpProbe } from './http/index.ts';
import { imapProbe } from './imap.ts';
import { ircProbe } from './irc.ts';
import { kubernetesProbe } from './kubernetes.ts';
import { ldapProbe } from './ldap.ts';
import { memcachedProbe } from './memcached.ts';
import { mongodbProbe } from './mongodb/index.ts';
import { mqttProbe } from './mqtt.ts';
import { mysqlProbe } from './mysql.ts';
import { natsProbe } from './nats.ts';
import { pop3Probe } from './pop3.ts';
import { postgresqlProbe } from './postgresql.ts';
import { rabbitmqProbe } from './rabbitmq.ts';
import { rdpProbe } from './rdp.ts';
import { redisProbe } from './redis.ts';
import { rpcProbe } from './rpc.ts';
import { rsyncProbe } from './rsync.ts';
import { smbProbe } from './smb.ts';
import { smtpProbe } from './smtp.ts';
import { sshProbe } from './ssh.ts';
import { tlsProbe } from './tls/index.ts';
import { unknownProbe } from './unknown.ts';
import { vncProbe } from './vnc.ts';
import { xmppProbe } from './xmpp.ts';

/** Every probe, in alphabetical order, which is also the order of asking; `unknown`, at the end, takes what nobody else knows. */
export const PROBES: readonly Probe[] = [
  amqpProbe,
  dnsProbe,
  dockerProbe,
  elasticsearchProbe,
  etcdProbe,
  ftpProbe,
  httpProbe,
  imapProbe,
  ircProbe,
  kubernetesProbe,
  ldapProbe,
  memcachedProbe,
  mongodbProbe,
  mqttProbe,
  mysqlProbe,
  natsProbe,
  pop3Probe,
  postgresqlProbe,
  rabbitmqProbe,
  rdpProbe,
  redisProbe,
  rpcProbe,
  rsyncProbe,
  smbProbe,
  smtpProbe,
  sshProbe,
  tlsProbe,
  vncProbe,
  xmppProbe,
  unknownProbe,
];
