import type { Probe } from './contract.ts';
import { fetchAnswer } from './http/fetch.ts';
import { isHttp, jsonOf, textOf } from './http/wire.ts';
import { serviceResult, stopped } from './service-result.ts';

/** RabbitMQ's management API. Its messages go over AMQP, which has a probe of its own. */
export const rabbitmqProbe: Probe = {
  protocol: 'rabbitmq',
  over: 'http',
  ports: [15_672, 15_671],
  recognises: (greeting) =>
    isHttp(greeting) && /<title>RabbitMQ Management<|realm="RabbitMQ Management"/.test(greeting.toString('latin1')),
  probe: async (target) => {
    const answer = await fetchAnswer(target, 'rabbitmq', '/api/overview');
    if (!answer) throw stopped(target, 'rabbitmq', 'the answer was not HTTP');
    const overview = jsonOf(answer);
    return serviceResult('rabbitmq', {
      product: 'RabbitMQ',
      version: textOf(overview, 'rabbitmq_version'),
      access: answer.status === 200 ? 'open' : answer.status === 401 ? 'refused' : 'unknown',
      what: `GET /api/overview without credentials was answered with status ${answer.status}`,
      details: { node: textOf(overview, 'node') },
    });
  },
};
