export const addressFacts = { title: 'MySQL', schemes: ['mysql:', 'mariadb:'], defaultPort: 3306, hasSchemas: false };
