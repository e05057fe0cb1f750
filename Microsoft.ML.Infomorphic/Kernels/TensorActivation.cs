// arXiv 2412.02482, appendix A.4, as operations on tensors: θ = σ(A), with one formula for all activations,
//
//   A(F, X₁ …) = F·[k + Σ_j a_j σ(b_j F X_j)]
//
//   modulated      k = 1 − α₁ − α₂,  a = (α₁, α₂),   b = (β₁, β₂),  X = (C, L)
//   bivariate      k = k,            a = 2(1 − k),   b = β,         X = C or L;  θ is clamped
//   feedforward    k = 1,            no X;                                       θ is clamped
//
//   symbol         variable      shape                          unit
//   F              drive         neurons × rows                 –
//   X_j            modulators    modulators × neurons × rows    –
//   b_j F X_j      arguments     modulators × neurons × rows    –
//   σ(b_j F X_j)   gates         modulators × neurons × rows    –
//   A              (returned)    neurons × rows                 –
//   ∂G/∂A          byPotential   neurons × rows                 bit
//
// Neurons are those of some networks, of each as many, whose constants may differ.

using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// The activation of a layer of some networks on any device. The caller holds the <see cref="TorchSharp.DisposeScope"/>
/// that temporaries end with.
/// </summary>
internal sealed class TensorActivation : IDisposable
{
    // A clamped θ lies within its bounds only but for rounding, and has no gradient.
    private const double Rounding = 1e-4;

    private readonly int _networks;
    private readonly int _modulators;

    // k, networks × 1 × 1; and a, networks × 1 × modulators.
    private readonly Tensor _base;
    private readonly Tensor _shares;
    private readonly Factor _steepness;
    private readonly Factor _slopes;

    /// <param name="networks">The activation of each network; of one kind, and not a step, which has no probabilities.</param>
    /// <param name="neurons">Neurons of each network.</param>
    /// <param name="device">The device.</param>
    public TensorActivation(IReadOnlyList<Activation> networks, int neurons, Device device)
    {
        Constants[] constants = [.. networks.Select(Constants.Of)];
        _networks = constants.Length;
        _modulators = constants[0].Shares.Length;
        IsClamped = constants[0].IsClamped;
        _base = tensor(constants.Select(of => (float)of.Base).ToArray(), [_networks, 1, 1], device: device);
        _shares = tensor(
            constants.SelectMany(of => of.Shares).Select(share => (float)share).ToArray(),
            [_networks, 1, _modulators],
            device: device
        );
        _steepness = new Factor([.. constants.Select(of => of.Steepness)], neurons, device);
        _slopes = new Factor(
            [.. constants.Select(of => of.Shares.Zip(of.Steepness, (share, steepness) => share * steepness).ToArray())],
            neurons,
            device
        );
    }

    /// <summary>Whether θ is clamped.</summary>
    public bool IsClamped { get; }

    /// <summary>Where θ(1 − θ) is no larger, θ is clamped and has no gradient.</summary>
    public static double ClampedProduct =>
        FeedforwardActivation.Clamp * (1 - FeedforwardActivation.Clamp) * (1 + Rounding);

    private static double Bound { get; } = Math.Log((1 - FeedforwardActivation.Clamp) / FeedforwardActivation.Clamp);

    /// <summary>A, and what its derivative needs.</summary>
    /// <param name="Potential">A.</param>
    /// <param name="Arguments">b F X; null without modulators.</param>
    /// <param name="Gates">σ(b F X); null without modulators.</param>
    public readonly record struct Fired(Tensor Potential, Tensor? Arguments, Tensor? Gates);

    /// <summary>A = log θ/(1 − θ).</summary>
    /// <param name="drive">F.</param>
    /// <param name="modulators">X; not looked at where there are none.</param>
    public Fired Fire(Tensor drive, Tensor modulators)
    {
        if (_modulators == 0)
            return new Fired(drive.clamp(HeldScalar.Of(-Bound), HeldScalar.Of(Bound)), null, null);
        Tensor arguments = _steepness.Product(drive, modulators);
        Tensor gates = sigmoid(arguments);
        Tensor potential = Gain(gates).view(drive.shape).mul_(drive);
        return new Fired(
            IsClamped ? potential.clamp_(HeldScalar.Of(-Bound), HeldScalar.Of(Bound)) : potential,
            arguments,
            gates
        );
    }

    /// <summary>Chain rule from ∂G/∂A to the sources.</summary>
    /// <param name="drive">F.</param>
    /// <param name="fired">What <see cref="Fire"/> came to.</param>
    /// <param name="byPotential">∂G/∂A; 0 where θ is clamped.</param>
    /// <returns>∂G by F and by each X, one after another: sources × neurons × rows.</returns>
    public Tensor Differentiate(Tensor drive, Fired fired, Tensor byPotential)
    {
        if (_modulators == 0)
            return byPotential.unsqueeze(0);
        Tensor gates = fired.Gates!;

        // With s = σ(x): ∂A/∂F = k + Σ a (s + s(1 − s) x), and ∂A/∂X = a b F² s(1 − s).
        Tensor derivatives = gates.addcmul(gates, gates, HeldScalar.MinusOne);
        Tensor byDrive = Gain(gates.addcmul(derivatives, fired.Arguments!, HeldScalar.One)).view(1, drive.shape[0], -1);
        Tensor byModulators = derivatives.mul_(_slopes.Product(drive, drive));
        return cat([byDrive, byModulators]).mul_(byPotential);
    }

    /// <summary>Means 2θ − 1 of a potential.</summary>
    public static Tensor Mean(Tensor potential) => potential.mul(HeldScalar.Of(0.5f)).tanh_();

    public void Dispose()
    {
        _base.Dispose();
        _shares.Dispose();
        _steepness.Dispose();
        _slopes.Dispose();
    }

    // k + Σ_j a_j g_j, of each network's neurons.
    // (TorchSharp takes what is added to the product as the last argument.)
    private Tensor Gain(Tensor gates) => _shares.baddbmm(gates.view(_modulators, _networks, -1).transpose(0, 1), _base);

    private sealed record Constants(double Base, double[] Shares, double[] Steepness, bool IsClamped)
    {
        public static Constants Of(Activation activation) =>
            activation switch
            {
                ModulatedActivation modulated => new(
                    1 - modulated.Alpha1 - modulated.Alpha2,
                    [modulated.Alpha1, modulated.Alpha2],
                    [modulated.Beta1, modulated.Beta2],
                    IsClamped: false
                ),
                BivariateActivation bivariate => new(
                    bivariate.K,
                    [2 * (1 - bivariate.K)],
                    [bivariate.Beta],
                    IsClamped: true
                ),
                FeedforwardActivation => new(1, [], [], IsClamped: true),
                _ => throw new ArgumentException($"{activation} has no firing probabilities.", nameof(activation)),
            };
    }

    // A factor of each modulator of each network's neurons: one number where they are all the same.
    private sealed class Factor : IDisposable
    {
        private readonly double? _common;
        private readonly Tensor _values;

        public Factor(double[][] networks, int neurons, Device device)
        {
            double[] all = [.. networks.SelectMany(of => of)];
            if (all.Length > 0 && all.All(value => value.Equals(all[0])))
                _common = all[0];
            int modulators = networks[0].Length;
            float[] values = _common is null ? new float[modulators * networks.Length * neurons] : [0];
            if (_common is null)
                for (int i = 0; i < values.Length; i++)
                    values[i] = (float)networks[i / neurons % networks.Length][i / neurons / networks.Length];
            _values = tensor(
                values,
                _common is null ? [modulators, networks.Length * neurons, 1] : [1],
                device: device
            );
        }

        // The factor times F times another tensor; with one modulator or several.
        public Tensor Product(Tensor drive, Tensor other) =>
            _common is double factor
                ? _values.addcmul(drive, other, HeldScalar.Of(factor))
                : (other * drive).mul(_values);

        public void Dispose() => _values.Dispose();
    }
}
