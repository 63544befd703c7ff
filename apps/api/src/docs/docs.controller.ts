import { Controller, Get, Header } from '@nestjs/common';
import { asyncApi } from './asyncapi.js';
import { openApi } from './openapi.js';
import { page } from './page.js';

@Controller()
export class DocsController {
  @Get('openapi.json')
  document(): object {
    return openApi();
  }

  @Get('asyncapi.json')
  events(): object {
    return asyncApi();
  }

  @Get('docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return page(openApi());
  }
}
