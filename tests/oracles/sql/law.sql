-- Further conditions, under figures that law changes on 2024-03-01.
age_years(subject.d1, event.time) >= law.age
subject.a > law.age OR law.age = 18
add_years(subject.d1, law.age) <= event.time
