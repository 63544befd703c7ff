export function quote(name: string): string {
  return `"${name.split('"').join('""')}"`;
}

export function literal(text: string): string {
  return `'${text.split("'").join("''")}'`;
}
