import { Module } from '@nestjs/common';
import { DocsController } from './docs.controller.js';

/** The contract, as documents and as a page. */
@Module({ controllers: [DocsController] })
export class DocsModule {}
