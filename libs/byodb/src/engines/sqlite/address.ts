export const addressFacts = { title: 'SQLite', schemes: ['sqlite:'] };
