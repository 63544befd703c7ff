import 'reflect-metadata';
import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import Database from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

/** What an HTTP service on this framework costs before it does anything: one route that does one durable insert. */
const database = new Database(join(process.env['DATA_DIR']!, 'bare.db'));
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('create table if not exists entries (position integer primary key autoincrement, id text, data text)');
const insert = database.prepare('insert into entries (id, data) values (?, ?)');
let kept: unknown = {};

@Controller()
class Bare {
  @Get('health/live')
  live(): object {
    return { status: 'ok' };
  }

  @Post('append')
  append(@Body() body: unknown): object {
    const id = randomUUID();
    insert.run(id, JSON.stringify(body));
    return { id };
  }

  /** What `GET /kept` then answers. */
  @Post('keep')
  keep(@Body() body: unknown): object {
    kept = body;
    return {};
  }

  @Get('kept')
  answerKept(): unknown {
    return kept;
  }
}

@Module({ controllers: [Bare] })
class BareModule {}

const app = await NestFactory.create<NestFastifyApplication>(BareModule, new FastifyAdapter(), { logger: false });
await app.listen(0, '127.0.0.1');
console.log(`bare listens on ${await app.getUrl()}`);
process.on('SIGTERM', () => process.exit(0));
