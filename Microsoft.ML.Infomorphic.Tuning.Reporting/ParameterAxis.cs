using System.Globalization;
using Microsoft.ML.Infomorphic.Tuning;
using ScottPlot;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>A parameter on an axis: its values as places, on a logarithmic scale where it has one, and their names.</summary>
internal sealed class ParameterAxis
{
    private readonly Parameter _parameter;

    public ParameterAxis(Parameter parameter)
    {
        _parameter = parameter;
        (Low, High) = parameter switch
        {
            RealParameter real => (PlaceOf(real.Low), PlaceOf(real.High)),
            IntegerParameter whole => (PlaceOf(whole.Low), PlaceOf(whole.High)),
            ChoiceParameter choice => (-0.5, choice.Choices.Count - 0.5),
            _ => throw new ArgumentException($"There is no axis for the parameter {parameter.Name}."),
        };
    }

    public double Low { get; }

    public double High { get; }

    public string Name => IsLogarithmic ? $"{_parameter.Name}, logarithmic" : _parameter.Name;

    private bool IsLogarithmic =>
        _parameter is RealParameter { Logarithmic: true } or IntegerParameter { Logarithmic: true };

    public double PlaceOf(double value) => IsLogarithmic ? Math.Log10(value) : value;

    /// <summary>From 0 to 1 between the bounds.</summary>
    public double ShareOf(double value) => (PlaceOf(value) - Low) / (High - Low);

    public void SetTicks(IAxis axis)
    {
        if (_parameter is ChoiceParameter choice)
            axis.SetTicks([.. choice.Choices.Select((_, i) => (double)i)], [.. choice.Choices]);
        else if (IsLogarithmic)
        {
            // Powers of ten, and where these are few their doubles and quintuples.
            double[] steps = High - Low < 1.5 ? [1, 2, 5] : [1];
            double[] values =
            [
                .. Enumerable
                    .Range((int)Math.Floor(Low), (int)Math.Ceiling(High - Low) + 2)
                    .SelectMany(power => steps.Select(step => step * Math.Pow(10, power)))
                    .Where(value => Math.Log10(value) >= Low - 1e-9 && Math.Log10(value) <= High + 1e-9),
            ];
            axis.SetTicks(
                [.. values.Select(Math.Log10)],
                [.. values.Select(value => value.ToString("0.#####", CultureInfo.InvariantCulture))]
            );
        }
    }
}
