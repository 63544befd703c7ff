import { Controller, Get, Header } from '@nestjs/common';
import { calls, openApi } from './openapi.js';

@Controller()
export class DocsController {
  @Get('openapi.json')
  document(): object { return openApi(); }

  /** One page without scripts: nothing to fetch from elsewhere. */
  @Get('docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    const rows = calls.map((c) => `<tr><td><code>${c.method.toUpperCase()}</code></td><td><code>${c.path}</code></td><td>${c.summary}</td></tr>`).join('\n');
    return `<!doctype html><html lang="en"><meta charset="utf-8"><title>schemasaga</title><body style="font-family:sans-serif;max-width:60rem;margin:2rem auto"><h1>schemasaga</h1><p>The whole contract as <a href="/openapi.json">OpenAPI 3.1</a>.</p><table>${rows}</table></body></html>`;
  }
}
