import { Controller, Header } from '@nestjs/common';
import { Route } from '../http/route.js';
import { asyncApi } from './asyncapi.js';
import { docsCalls } from './docs.calls.js';
import { openApi } from './openapi.js';
import { page } from './page.js';

@Controller()
export class DocsController {
  @Route(docsCalls.getOpenApi)
  document(): object {
    return openApi();
  }

  @Route(docsCalls.getAsyncApi)
  events(): object {
    return asyncApi();
  }

  @Route(docsCalls.getDocs)
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return page(openApi());
  }
}
