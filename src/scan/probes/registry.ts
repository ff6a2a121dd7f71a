import { amqpProbe } from './amqp.ts';
import type { Probe } from './contract.ts';
import { dockerProbe } from './docker.ts';
import { elasticsearchProbe } from './elasticsearch.ts';
import { etcdProbe } from './etcd.ts';
import { httpProbe } from './http/index.ts';
import { kubernetesProbe } from './kubernetes.ts';
import { memcachedProbe } from './memcached.ts';
import { mongodbProbe } from './mongodb/index.ts';
import { mqttProbe } from './mqtt.ts';
import { mysqlProbe } from './mysql.ts';
import { natsProbe } from './nats.ts';
import { postgresqlProbe } from './postgresql.ts';
import { rabbitmqProbe } from './rabbitmq.ts';
import { redisProbe } from './redis.ts';
import { sshProbe } from './ssh.ts';
import { tlsProbe } from './tls/index.ts';
import { unknownProbe } from './unknown.ts';

/** Every probe, in alphabetical order, which is also the order of asking: `unknown` takes what nobody else knows. */
export const PROBES: readonly Probe[] = [
  amqpProbe,
  dockerProbe,
  elasticsearchProbe,
  etcdProbe,
  httpProbe,
  kubernetesProbe,
  memcachedProbe,
  mongodbProbe,
  mqttProbe,
  mysqlProbe,
  natsProbe,
  postgresqlProbe,
  rabbitmqProbe,
  redisProbe,
  sshProbe,
  tlsProbe,
  unknownProbe,
];
