export const addressFacts = {
  title: 'PostgreSQL',
  schemes: ['postgres:', 'postgresql:'],
  defaultPort: 5432,
  hasSchemas: true,
};
