/* Shows the schema of this server. A token that is entered stays in this page and is forgotten with it. */
window.SwaggerUIBundle({
  url: "/api/schema",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
});
