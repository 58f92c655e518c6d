/** The OpenAPI document and a page that shows it and lets one try it. */
import { Router, static as serveFiles } from 'express';
import { getAbsoluteFSPath } from 'swagger-ui-dist';
import { createOpenApiDocument } from '../contract/openapi';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Muster REST API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/docs/assets/swagger-ui.css">
  </head>
  <body>
    <div id="docs"></div>
    <script src="/docs/assets/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

/** A file of its own, because the content security policy permits no script in a page. */
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, tryItOutEnabled: true });
`;

/** @param version of Muster */
export function docsRouter(version: string): Router {
  const router = Router({ caseSensitive: true });
  const document = JSON.stringify(createOpenApiDocument(version));
  router.get('/openapi.json', (_req, res) => {
    res.type('json').send(document);
  });
  router.get('/docs', (_req, res) => {
    res.type('html').send(PAGE);
  });
  router.get('/docs/start.js', (_req, res) => {
    res.type('js').send(START);
  });
  router.use('/docs/assets', serveFiles(getAbsoluteFSPath(), { index: false, maxAge: '1h' }));
  return router;
}
