import { Controller, Get, Header, HttpCode } from '@nestjs/common';
import { Health } from './health.js';

@Controller()
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get('health/live')
  @HttpCode(200)
  live(): object {
    return { status: 'ok' };
  }

  @Get('health/ready')
  async ready(): Promise<object> {
    return this.health.ready();
  }

  @Get('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4')
  async metrics(): Promise<string> {
    return this.health.registry.metrics();
  }
}
