// Makes id_vectors.csv: numbers by a counter, nobody's, and what two popular libraries say of each.
//   npm install validator@13.15.35 id-validator@1.3.0 && node vectors.js > id_vectors.csv
const validator = require('validator')
const IdValidator = require('id-validator')
const second = new IdValidator()
const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const digit = n => '10X98765432'[[...n].reduce((sum, d, i) => sum + d * weights[i], 0) % 11]
const areas = ['110105', '440103', '440106', '371001', '440524', '510104', '330106', '420111']
let state = 20261125
const next = n => (state = (Math.imul(state, 1103515245) + 12345) >>> 0, (state >>> 8) % n)
const two = n => String(n).padStart(2, '0')
console.log('number,validator,id_validator')
for (let i = 0; i < 1500; i++) {
  // Now and then a day that there is not, a wrong digit, a missing one, a letter.
  const day = next(8) ? 1 + next(28) : 28 + next(6)
  const first = areas[next(areas.length)] + (1930 + next(90)) + two(next(20) ? 1 + next(12) : next(15)) + two(day) +
    String(next(1000)).padStart(3, '0')
  let number = first + digit(first)
  const damage = next(10)
  if (damage === 0) number = first + '0123456789X'[next(11)]
  if (damage === 1) { const at = next(17); number = number.slice(0, at) + next(10) + number.slice(at + 1) }
  if (damage === 2) number = number.slice(0, next(18)) + number.slice(1 + next(17))
  if (damage === 3) number = number.slice(0, 5) + 'ABX'[next(3)] + number.slice(6)
  console.log([number, +validator.isIdentityCard(number, 'zh-CN'), +second.isValid(number)].join(','))
}
