COPY orders TO 'out.csv'
