using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>Settings that differ in their layers, and the parts of layers in training.</summary>
internal static class SettingsExtensions
{
    /// <summary>The same change in all hidden layers.</summary>
    public static TrainingSettings WithHidden(
        this TrainingSettings settings,
        Func<LayerSettings, LayerSettings> change
    ) => settings with { HiddenLayers = [.. settings.HiddenLayers.Select(change)] };

    public static TrainingSettings WithOutput(
        this TrainingSettings settings,
        Func<OutputLayerSettings, OutputLayerSettings> change
    ) => settings with { Output = change(settings.Output) };

    /// <summary>At most so many lateral connections, where there are lateral ones.</summary>
    public static TrainingSettings WithLateral(this TrainingSettings settings, int maximum) =>
        settings.WithHidden(layer =>
            layer.LateralConnections is null ? layer : layer with { LateralConnections = maximum }
        );

    public static TrainingSettings WithOptimizers(
        this TrainingSettings settings,
        AdamSettings hidden,
        AdamSettings output
    ) =>
        settings
            .WithHidden(layer => layer with { Optimizer = hidden })
            .WithOutput(layer => layer with { Optimizer = output });

    /// <summary>The source of a letter.</summary>
    public static SourceState SourceOf(this LayerState layer, char symbol) =>
        layer.Sources.Single(source => source.Symbol == symbol);

    extension(NetworkState state)
    {
        /// <summary>The layer of a network that has one hidden layer.</summary>
        public LayerState? Hidden => state.Layers.Count == 1 ? null : state.Layers[0];
    }

    extension(SourceState source)
    {
        /// <summary>The weights of a source that hears one signal.</summary>
        public Parameter Weights => source.Projections.Single().Weights;

        public int[]? Connections => (source.Projections.Single().Connectivity as DrawnConnected)?.Connections;

        public int ConnectionCount => source.Projections.Single().Connectivity.ConnectionsPerNeuron;
    }
}
