namespace Microsoft.ML.Infomorphic.Information;

// symbol    variable                        shape               unit          meaning
// s         subset                          2ⁿ − 1 bit masks                  non-empty subset of the sources
// m_s       Of(subset, cell)                subsets × cells     probability   P(S_i = s_i for all i in s)
// m_s,y     Of(subset, cell, y)             subsets × cells × Y probability   P(S_i = s_i for all i in s, Y = y)
// u_β       Union(β, cell)                  A × cells           probability   P(∨_{a ∈ β} ∧_{i ∈ a} S_i = s_i)
// u_β,y     Union(β, cell, y)               A × cells × Y       probability   the same, and Y = y
// p(y)      OfTarget(y)                     Y                   probability   P(Y = y)

/// <summary>
/// The marginal masses of every occupied cell of a joint distribution, and the union masses of antichains that follow
/// from them by inclusion and exclusion.
/// </summary>
internal sealed class MarginalMasses
{
    private readonly RedundancyLattice _lattice;
    private readonly int[,] _event; // [cell, subset − 1]: which marginal event the cell belongs to
    private readonly double[,] _joint; // [event, y]
    private readonly double[] _sources; // [event]
    private readonly double[] _target; // [y]

    public MarginalMasses(JointDistribution distribution)
    {
        _lattice = RedundancyLattice.ForSources(distribution.SourceCount);
        _event = new int[distribution.Cells.Count, _lattice.SubsetCount];
        for (int subset = 1; subset <= _lattice.SubsetCount; subset++)
        {
            var events = new Dictionary<SourceValues, int>();
            for (int cell = 0; cell < distribution.Cells.Count; cell++)
            {
                var values = SourceValues.Of(distribution.Cells[cell], subset);
                if (!events.TryGetValue(values, out int index))
                    events.Add(values, index = EventCount + events.Count);
                _event[cell, subset - 1] = index;
            }
            EventCount += events.Count;
        }

        _joint = new double[EventCount, distribution.Targets.Count];
        _sources = new double[EventCount];
        _target = new double[distribution.Targets.Count];
        for (int outcome = 0; outcome < distribution.Outcomes.Count; outcome++)
        {
            double p = distribution.Outcomes[outcome].Probability;
            int cell = distribution.CellOf(outcome);
            int y = distribution.TargetIndexOf(outcome);
            _target[y] += p;
            for (int subset = 1; subset <= _lattice.SubsetCount; subset++)
            {
                _joint[EventOf(subset, cell), y] += p;
                _sources[EventOf(subset, cell)] += p;
            }
        }
    }

    /// <summary>Number of marginal events: values of the sources of a subset that occur, over all subsets.</summary>
    public int EventCount { get; }

    /// <summary>The marginal event, 0 to EventCount − 1, that the sources in the subset have the values of the cell.</summary>
    public int EventOf(int subset, int cell) => _event[cell, subset - 1];

    public double OfTarget(int y) => _target[y];

    public double Of(int subset, int cell) => _sources[EventOf(subset, cell)];

    public double Of(int subset, int cell, int y) => _joint[EventOf(subset, cell), y];

    /// <summary>u_β = Σ_s E_βs m_s.</summary>
    public double Union(int beta, int cell)
    {
        double u = 0;
        for (int subset = 1; subset <= _lattice.SubsetCount; subset++)
            u += _lattice.UnionCoefficients[beta, subset - 1] * Of(subset, cell);
        return u;
    }

    /// <summary>u_β,y = Σ_s E_βs m_s,y.</summary>
    public double Union(int beta, int cell, int y)
    {
        double u = 0;
        for (int subset = 1; subset <= _lattice.SubsetCount; subset++)
            u += _lattice.UnionCoefficients[beta, subset - 1] * Of(subset, cell, y);
        return u;
    }
}
