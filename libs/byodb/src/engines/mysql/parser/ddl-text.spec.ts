import { describe, expect, it } from '@jest/globals';
import { blank, optionsOf, partitionKey, parts, renameIn, tokens } from './ddl-text.js';
import { readColumn } from '../types.js';

/** Texts as MySQL 8 prints them, and not MariaDB. */
const MYSQL8 = `CREATE TABLE \`t\` (
  \`id\` int NOT NULL AUTO_INCREMENT,
  \`s\` varchar(50) COLLATE utf8mb4_bin DEFAULT 'it''s, (a) \\\\ b' COMMENT 'x, (y',
  \`b\` tinyint(1) DEFAULT '1',
  \`hidden\` bigint DEFAULT '5' /*!80023 INVISIBLE */,
  \`txt\` longtext COLLATE utf8mb4_bin DEFAULT (_utf8mb4'a\\'b, )c'),
  \`j\` json DEFAULT (_utf8mb4'{\\"a\\": [1, \\"it\\\\\\\\s\\"]}'),
  \`ts\` datetime(6) DEFAULT (utc_timestamp(6)),
  \`tm\` time(6) DEFAULT '10:20:30.000000',
  \`d\` date DEFAULT (utc_date()),
  \`u\` char(36) CHARACTER SET ascii COLLATE ascii_bin DEFAULT (uuid()),
  \`dec\` decimal(10,2) DEFAULT '1.50',
  \`g\` int GENERATED ALWAYS AS ((\`id\` + 1)) STORED,
  \`bits\` bit(3) DEFAULT b'101',
  \`raw\` varbinary(4) DEFAULT _binary 'ab',
  \`pt\` point /*!80003 SRID 0 */ DEFAULT NULL,
  \`un\` int unsigned DEFAULT NULL,
  \`up\` timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  \`x\` int DEFAULT ((1 + 1)),
  PRIMARY KEY (\`id\`),
  UNIQUE KEY \`fn\` ((lower(\`s\`))),
  KEY \`k\` (\`s\`(10) DESC) /*!80000 INVISIBLE */,
  CONSTRAINT \`t_chk_1\` CHECK ((\`id\` > 0))
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='schemasaga 1'`;

describe('what MySQL 8 prints', () => {
  const lines = parts(MYSQL8);
  const read = (name: string): ReturnType<typeof readColumn> => {
    const line = lines.find((l) => l.startsWith(`\`${name}\``))!;
    return readColumn(name, line.slice(name.length + 2).trim());
  };

  it('is taken apart at the right places', () => {
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toBe('CONSTRAINT `t_chk_1` CHECK ((`id` > 0))');
    expect(optionsOf(MYSQL8)).toBe('ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin');
  });

  it('tells by which columns rows are parted', () => {
    expect(
      partitionKey(
        ' ENGINE=InnoDB\n/*!50100 PARTITION BY RANGE (year(`made`))\nSUBPARTITION BY HASH (`id`)\n(PARTITION ' +
          '`p` VALUES LESS THAN (2000) ENGINE = InnoDB) */',
      ),
    ).toEqual(['made', 'id']);
    expect(
      partitionKey(' ENGINE=InnoDB\n PARTITION BY RANGE  COLUMNS(`a`,`b``c`)\n(PARTITION `p` VALUES LESS THAN (5,6))'),
    ).toEqual(['a', 'b`c']);
    expect(partitionKey('ENGINE=InnoDB DEFAULT CHARSET=utf8mb4')).toEqual([]);
  });

  it('gives the portable types, whether widths are printed or not', () => {
    expect(['id', 's', 'b', 'hidden', 'txt', 'j', 'ts', 'tm', 'd', 'u', 'dec'].map((name) => read(name).type)).toEqual([
      'integer',
      'string',
      'boolean',
      'bigint',
      'text',
      'json',
      'timestamp',
      'time',
      'date',
      'uuid',
      'decimal',
    ]);
    expect(['g', 'bits', 'raw', 'pt', 'un', 'up'].map((name) => read(name).type)).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
    expect([
      readColumn('a', 'int(11) NOT NULL').type,
      readColumn('a', 'smallint(6) DEFAULT NULL').type,
      readColumn('a', 'bigint(20) unsigned DEFAULT NULL').type,
    ]).toEqual(['integer', 'smallint', null]);
    expect(read('id')).toMatchObject({ nullable: false, generated: true, default: null });
  });

  it('gives the defaults, with introducers and escapes undone', () => {
    const value = (name: string): unknown => read(name).default;
    expect(value('s')).toEqual({ value: "it's, (a) \\ b" });
    expect([value('b'), value('hidden'), value('dec'), value('tm')]).toEqual([
      { value: true },
      { value: '5' },
      { value: '1.50' },
      { value: '10:20:30' },
    ]);
    expect(value('txt')).toEqual({ value: "a'b, )c" });
    expect(value('j')).toEqual({ value: { a: [1, 'it\\s'] } });
    expect([value('ts'), value('d'), value('u')]).toEqual([
      { value: { function: 'now' } },
      { value: { function: 'now' } },
      { value: { function: 'uuid' } },
    ]);
    expect([value('x'), value('up'), value('pt')]).toEqual([{ raw: '((1 + 1))' }, { raw: 'CURRENT_TIMESTAMP' }, null]);
    expect(value('raw')).toEqual({ raw: "_binary 'ab'" });
    expect(readColumn('a', "json DEFAULT (_utf8mb4'no json')").default).toEqual({ raw: "(_utf8mb4'no json')" });
  });

  it('comes back word for word', () => {
    expect(read('hidden').definition).toBe("bigint DEFAULT '5' /*!80023 INVISIBLE */");
    expect(read('bits').definition).toBe("bit(3) DEFAULT b'101'");
    expect(read('g').definition).toBe('int GENERATED ALWAYS AS ((`id` + 1)) STORED');
    expect(tokens("x varchar(5) DEFAULT _utf8mb4'a b'")).toEqual(['x', 'varchar(5)', 'DEFAULT', "_utf8mb4'a b'"]);
  });
});

describe('names in a text', () => {
  it('are told from literals and comments', () => {
    expect(blank("set new.a = 'b \\' c' /* d */ -- e\n + `f'` # g")).toBe("set new.a = ''    \n + `f'`  ");
    expect(renameIn("CHECK (`a` > 0 and '`a`' <> `ab`)", 'A', 'b')).toBe("CHECK (`b` > 0 and '`a`' <> `ab`)");
  });

  it('are told by the mode that the text was written under', () => {
    expect(blank('set new."a" = "b" + \'c\'', 'STRICT_TRANS_TABLES,ANSI_QUOTES')).toBe('set new."a" = "b" + \'\'');
    const path = "set new.a = concat('\\', new.b, 'x')";
    expect([blank(path, 'NO_BACKSLASH_ESCAPES'), blank(path)]).toEqual([
      "set new.a = concat('', new.b, '')",
      "set new.a = concat(''x')",
    ]);
  });

  it('behind a version comment are seen, whatever is not closed in it', () => {
    expect(blank("/*M!999999 it's */ set new.a = 'x' /* y */")).toBe("/*M!999999 it's */ set new.a = ''  ");
    expect(blank('/*!50003 -- no */ set new.a = 1')).toBe('/*!50003 -- no */ set new.a = 1');
    expect(blank('a " b /* c')).toBe('a " b /* c');
  });

  it.each(["'", '"', '`', '/*', '/*!', "\\'", "'\\"])(
    'take no longer than the text is long, with %s in it over and over',
    (part) => {
      const text = `/*! ${part} ${`${part}x`.repeat(100_000)}`;
      const began = performance.now();
      blank(text);
      renameIn(text, 'a', 'b');
      expect(performance.now() - began).toBeLessThan(1000);
    },
  );
});
