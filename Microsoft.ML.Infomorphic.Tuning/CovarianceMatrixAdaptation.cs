using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Factorization;

namespace Microsoft.ML.Infomorphic.Tuning;

// Hansen, "The CMA evolution strategy: a tutorial" (arXiv 1604.00772), figure 6, appendix A for the constants and
// appendix B.3 for the end; equation numbers are those of its 2016 version. Covariance update with negative weights.
//
//   symbol        variable          shape    meaning
//   n             n                 1        dimension
//   λ, μ          Lambda, _mu       1        population, and the half of it that is recombined
//   w_i           _weights          λ        recombination weights, the last λ − μ not positive
//   μ_eff         _muEff            1        variance-effective selection mass
//   c_σ, d_σ      _cSigma, _dSigma  1        rate and damping of the step size
//   c_c, c_1, c_μ _cc, _c1, _cMu    1        rates of the path, the rank-one and the rank-μ update
//   m             _m                n        mean
//   σ             Sigma             1        step size
//   C = B D² Bᵀ   _c, _b, _d        n × n    covariance matrix, its eigenvectors, the roots of its eigenvalues
//   p_σ, p_c      _pSigma, _pc      n        evolution paths

/// <summary>The strategy itself: a normal distribution that samples and adapts to ranked samples. Knows no bounds.</summary>
internal sealed class CovarianceMatrixAdaptation
{
    // Eigenvalues are at least so large: rounding may leave a tiny negative one.
    private const double SmallestEigenvalue = 1e-20;

    private readonly int _mu;
    private readonly double _muEff;
    private readonly double[] _weights;
    private readonly double _cSigma;
    private readonly double _dSigma;
    private readonly double _cc;
    private readonly double _c1;
    private readonly double _cMu;
    private readonly double _expectedNorm;
    private readonly double _initialSigma;
    private readonly Vector<double> _smallestDeviations;
    private readonly Queue<double> _recentBests = [];

    private Vector<double> _m;
    private Matrix<double> _c;
    private Matrix<double> _b;
    private Vector<double> _d;
    private Vector<double> _pSigma;
    private Vector<double> _pc;
    private bool _isFlat;

    /// <summary>Begins.</summary>
    /// <param name="mean">m, n values.</param>
    /// <param name="sigma">σ, positive.</param>
    /// <param name="lambda">λ, at least 2.</param>
    /// <param name="smallestDeviations">The standard deviations below which no coordinate falls; 0 for no limit.</param>
    public CovarianceMatrixAdaptation(double[] mean, double sigma, int lambda, double[] smallestDeviations)
    {
        int n = mean.Length;
        Lambda = lambda;
        _mu = lambda / 2;

        double[] raw = [.. Enumerable.Range(1, lambda).Select(i => Math.Log((lambda + 1) / 2.0) - Math.Log(i))]; // (49)
        _muEff = Math.Pow(raw[.._mu].Sum(), 2) / raw[.._mu].Sum(w => w * w);
        double muEffMinus = Math.Pow(raw[_mu..].Sum(), 2) / raw[_mu..].Sum(w => w * w);

        const double AlphaCov = 2;
        _c1 = AlphaCov / (Math.Pow(n + 1.3, 2) + _muEff); // (57)
        _cMu = Math.Min(
            1 - _c1 - 1e-8, // a large population must leave (52) positive
            AlphaCov * (_muEff - 2 + 1 / _muEff) / (Math.Pow(n + 2, 2) + AlphaCov * _muEff / 2)
        ); // (58)

        // λ of 2 or 3 has one parent, so c_μ = 0, and the negative weights have no effect.
        double alpha =
            _cMu > 0
                ? Math.Min(
                    Math.Min(
                        1 + _c1 / _cMu, // (50)
                        1 + 2 * muEffMinus / (_muEff + 2) // (51)
                    ),
                    (1 - _c1 - _cMu) / (n * _cMu) // (52)
                )
                : 0;
        double positive = raw.Where(w => w > 0).Sum();
        double negative = -raw.Where(w => w < 0).Sum();
        _weights = [.. raw.Select(w => w >= 0 ? w / positive : alpha * w / negative)]; // (53)

        _cSigma = (_muEff + 2) / (n + _muEff + 5); // (55)
        _dSigma = 1 + 2 * Math.Max(0, Math.Sqrt((_muEff - 1) / (n + 1)) - 1) + _cSigma; // (55)
        _cc = (4 + _muEff / n) / (n + 4 + 2 * _muEff / n); // (56)
        _expectedNorm = Math.Sqrt(n) * (1 - 1 / (4.0 * n) + 1 / (21.0 * n * n)); // E‖N(0, I)‖

        _m = Vector<double>.Build.DenseOfArray(mean);
        Sigma = _initialSigma = sigma;
        _c = Matrix<double>.Build.DenseIdentity(n);
        _b = Matrix<double>.Build.DenseIdentity(n);
        _d = Vector<double>.Build.Dense(n, 1);
        _pSigma = Vector<double>.Build.Dense(n);
        _pc = Vector<double>.Build.Dense(n);
        _smallestDeviations = Vector<double>.Build.DenseOfArray(smallestDeviations);
        KeepDeviations();
    }

    /// <summary>λ: so many samples make a generation.</summary>
    public int Lambda { get; }

    /// <summary>μ: so many of them must have a value.</summary>
    public int Mu => _mu;

    /// <summary>Generations so far.</summary>
    public int Generation { get; private set; }

    /// <summary>The step size σ.</summary>
    public double Sigma { get; private set; }

    /// <summary>The mean m.</summary>
    public double[] Mean => _m.ToArray();

    /// <summary>The covariance matrix C, n × n.</summary>
    public double[,] Covariance => _c.ToArray();

    /// <summary>Draws x ~ N(m, σ² C).</summary>
    public double[] Sample(TuningRandom random)
    {
        Vector<double> z = Vector<double>.Build.Dense(_m.Count);
        for (int i = 0; i < z.Count; i++)
            z[i] = random.NextNormal(); // (38)
        Vector<double> y = _b * _d.PointwiseMultiply(z); // (39)
        return (_m + Sigma * y).ToArray(); // (40)
    }

    /// <summary>Adapts to a generation.</summary>
    /// <param name="ranked">λ samples, the best first.</param>
    /// <param name="best">The smallest loss among them.</param>
    /// <param name="worst">The largest finite loss among them.</param>
    public void Update(IReadOnlyList<double[]> ranked, double best, double worst)
    {
        int n = _m.Count;
        Vector<double>[] y = [.. ranked.Select(x => (Vector<double>.Build.DenseOfArray(x) - _m) / Sigma)];

        // Selection and recombination.
        Vector<double> step = Vector<double>.Build.Dense(n);
        for (int i = 0; i < _mu; i++)
            step += _weights[i] * y[i]; // (41)
        _m += Sigma * step; // (42), c_m = 1

        // Step-size control.
        _pSigma = (1 - _cSigma) * _pSigma + Math.Sqrt(_cSigma * (2 - _cSigma) * _muEff) * Whiten(step); // (43)
        double norm = _pSigma.L2Norm();
        Generation++;
        double stalled = norm / Math.Sqrt(1 - Math.Pow(1 - _cSigma, 2 * Generation));
        double h = stalled < (1.4 + 2.0 / (n + 1)) * _expectedNorm ? 1 : 0; // h_σ
        // Capped as in the author's own code: a first generation far away must not make σ infinite.
        Sigma *= Math.Exp(Math.Min(1, _cSigma / _dSigma * (norm / _expectedNorm - 1))); // (44)

        // Covariance matrix adaptation.
        _pc = (1 - _cc) * _pc + h * Math.Sqrt(_cc * (2 - _cc) * _muEff) * step; // (45)
        double delta = (1 - h) * _cc * (2 - _cc); // δ(h_σ)
        double keep = 1 + _c1 * delta - _c1 - _cMu * _weights.Sum();
        Matrix<double> c = keep * _c + _c1 * _pc.OuterProduct(_pc);
        for (int i = 0; i < Lambda; i++)
        {
            double w = _weights[i];
            if (w < 0)
                w *= n / (Math.Pow(Whiten(y[i]).L2Norm(), 2) + 1e-8); // (46); samples may lie on the mean
            c += _cMu * w * y[i].OuterProduct(y[i]); // (47)
        }
        _c = (c + c.Transpose()) / 2;
        KeepDeviations();
        Decompose();

        _recentBests.Enqueue(best);
        if (_recentBests.Count > Horizon)
            _recentBests.Dequeue();
        _isFlat =
            Generation > Horizon && Math.Max(worst, _recentBests.Max()) - Math.Min(best, _recentBests.Min()) < 1e-12; // TolFun
    }

    /// <summary>Whether going on is of no use: the criteria of appendix B.3 that need no tuning.</summary>
    public bool HasConverged()
    {
        Vector<double> deviations = Sigma * _c.Diagonal().PointwiseSqrt();
        double tolX = 1e-12 * _initialSigma;
        bool small = deviations.Maximum() < tolX && (Sigma * _pc).AbsoluteMaximum() < tolX; // TolX
        bool exploded = Sigma * _d.Maximum() > 1e4 * _initialSigma; // TolXUp
        bool illConditioned = Math.Pow(_d.Maximum() / _d.Minimum(), 2) > 1e14; // ConditionCov
        bool noCoordinate = Enumerable.Range(0, _m.Count).Any(i => _m[i] == _m[i] + 0.2 * deviations[i]); // NoEffectCoord
        int axis = Generation % _m.Count;
        bool noAxis = _m.Equals(_m + 0.1 * Sigma * _d[axis] * _b.Column(axis)); // NoEffectAxis
        return _isFlat || small || exploded || illConditioned || noCoordinate || noAxis;
    }

    private int Horizon => 10 + (int)Math.Ceiling(30.0 * _m.Count / Lambda);

    /// <summary>C^(−½) y = B D⁻¹ Bᵀ y.</summary>
    private Vector<double> Whiten(Vector<double> y) => _b * _b.TransposeThisAndMultiply(y).PointwiseDivide(_d);

    private void Decompose()
    {
        Evd<double> evd = _c.Evd(Symmetricity.Symmetric);
        _b = evd.EigenVectors;
        _d = evd.EigenValues.Map(value => Math.Sqrt(Math.Max(value.Real, SmallestEigenvalue)));
    }

    private void KeepDeviations()
    {
        for (int i = 0; i < _m.Count; i++)
            _c[i, i] = Math.Max(_c[i, i], Math.Pow(_smallestDeviations[i] / Sigma, 2));
    }
}
