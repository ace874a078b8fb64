// Renders /openapi.json. A token that is entered is kept by this tab alone.
globalThis.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  filter: true,
  operationsSorter: "alpha",
  persistAuthorization: false,
  tryItOutEnabled: true,
  // Neither a validator nor anything else outside of this origin is asked.
  validatorUrl: null,
});
