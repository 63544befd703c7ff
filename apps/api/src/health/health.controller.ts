import { Controller, Header } from '@nestjs/common';
import { Route } from '../http/route.js';
import { healthCalls } from './health.calls.js';
import { Health } from './health.js';

@Controller()
export class HealthController {
  constructor(private readonly health: Health) {}

  @Route(healthCalls.isLive)
  live(): object {
    return { status: 'ok' };
  }

  @Route(healthCalls.isReady)
  async ready(): Promise<object> {
    return this.health.ready();
  }

  @Route(healthCalls.getMetrics)
  @Header('Content-Type', 'text/plain; version=0.0.4')
  async metrics(): Promise<string> {
    return this.health.registry.metrics();
  }
}
