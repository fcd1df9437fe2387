/* Shows the API's document at /api/v1/docs. A file of its own, because the content security policy knows no inline script. */
"use strict";
const place = document.getElementById("api-document");
SwaggerUIBundle({
  url: place.dataset.url,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: false,
  validatorUrl: null,
});
